//! Container images in the docker-archive form: a tar with a manifest, a configuration and one layer.
//!
//! The same content gives the same bytes: no time stamps, no names of the build machine.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// What an image holds and how it runs.
pub(crate) struct Image {
    /// All its names, such as `localhost/plenum:dev`.
    pub references: Vec<String>,
    /// In the order of the layer; parents before children.
    pub entries: Vec<Entry>,
    pub user: &'static str,
    /// Empty where pods must name their command.
    pub entrypoint: Vec<&'static str>,
}

/// One entry of the layer; paths are without the leading slash.
pub(crate) enum Entry {
    Directory {
        path: String,
        mode: u32,
    },
    File {
        path: String,
        mode: u32,
        content: Content,
    },
    Link {
        path: String,
        target: String,
    },
}

pub(crate) enum Content {
    Text(String),
    HostFile(PathBuf),
}

impl Entry {
    pub(crate) fn directory(path: &str) -> Self {
        Self::Directory {
            path: path.into(),
            mode: 0o755,
        }
    }

    /// A file that everybody may read.
    pub(crate) fn text(path: &str, text: &str) -> Self {
        Self::File {
            path: path.into(),
            mode: 0o644,
            content: Content::Text(text.into()),
        }
    }

    /// A file of this machine that everybody may run.
    pub(crate) fn program(path: &str, file: &Path) -> Self {
        Self::File {
            path: path.into(),
            mode: 0o755,
            content: Content::HostFile(file.into()),
        }
    }
}

impl Image {
    /// Writes the archive to `out`, replacing it only when complete.
    pub(crate) fn write(&self, out: &Path) -> Result<()> {
        let directory = out
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        // On a fresh machine there is no cache yet.
        fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        let mut file = tempfile::NamedTempFile::new_in(directory)
            .with_context(|| format!("writing in {}", directory.display()))?;
        self.write_to(&mut file)?;
        file.persist(out)
            .with_context(|| format!("writing {}", out.display()))?;
        Ok(())
    }

    fn write_to(&self, out: impl Write) -> Result<()> {
        let layer = self.layer()?;
        let layer_digest = digest(&layer);
        let config = serde_json::to_vec(&self.config(&layer_digest))?;
        let config_name = format!("{}.json", digest(&config));
        let layer_name = format!("{layer_digest}.tar");
        let manifest =
            json!([{ "Config": config_name, "RepoTags": self.references, "Layers": [layer_name] }]);

        let mut archive = Builder::new(out);
        append(&mut archive, &config_name, 0o644, &config)?;
        append(&mut archive, &layer_name, 0o644, &layer)?;
        append(
            &mut archive,
            "manifest.json",
            0o644,
            &serde_json::to_vec(&manifest)?,
        )?;
        archive.into_inner()?.flush()?;
        Ok(())
    }

    fn config(&self, layer_digest: &str) -> serde_json::Value {
        // The names of the Go world, which images use.
        let architecture = if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "amd64"
        };
        json!({
            "architecture": architecture,
            "os": "linux",
            "config": {
                "User": self.user,
                "Entrypoint": self.entrypoint,
                "Env": ["PATH=/usr/local/bin:/bin"],
                "WorkingDir": "/",
            },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_digest}")] },
        })
    }

    fn layer(&self) -> Result<Vec<u8>> {
        let mut layer = Builder::new(Vec::new());
        for entry in &self.entries {
            match entry {
                Entry::Directory { path, mode } => {
                    layer.append_data(
                        &mut header(EntryType::Directory, *mode, 0),
                        format!("{path}/"),
                        io::empty(),
                    )?;
                }
                Entry::File {
                    path,
                    mode,
                    content: Content::Text(text),
                } => append(&mut layer, path, *mode, text.as_bytes())?,
                Entry::File {
                    path,
                    mode,
                    content: Content::HostFile(file),
                } => {
                    let content = fs::read(file)
                        .with_context(|| format!("reading {} for the image", file.display()))?;
                    append(&mut layer, path, *mode, &content)?;
                }
                Entry::Link { path, target } => {
                    layer.append_link(&mut header(EntryType::Symlink, 0o777, 0), path, target)?;
                }
            }
        }
        Ok(layer.into_inner()?)
    }
}

fn append<W: Write>(archive: &mut Builder<W>, path: &str, mode: u32, content: &[u8]) -> Result<()> {
    let mut header = header(EntryType::Regular, mode, content.len());
    archive
        .append_data(&mut header, path, content)
        .with_context(|| format!("adding {path} to the image"))
}

fn header(kind: EntryType, mode: u32, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use serde_json::Value;

    use super::*;

    fn image() -> Image {
        Image {
            references: vec!["localhost/a:1".into(), "localhost/b:2".into()],
            entries: vec![
                Entry::Directory {
                    path: "bin".into(),
                    mode: 0o755,
                },
                Entry::File {
                    path: "bin/sh".into(),
                    mode: 0o755,
                    content: Content::Text("#!".into()),
                },
                Entry::Link {
                    path: "bin/ls".into(),
                    target: "sh".into(),
                },
            ],
            user: "65532:65532",
            entrypoint: vec![],
        }
    }

    fn unpack(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), content)
        });
        entries.collect()
    }

    fn archive() -> BTreeMap<String, Vec<u8>> {
        let mut written = Vec::new();
        image().write_to(&mut written).unwrap();
        unpack(&written)
    }

    #[test]
    fn the_manifest_leads_to_the_configuration_and_the_layer() {
        let files = archive();
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        assert_eq!(
            manifest[0]["RepoTags"],
            json!(["localhost/a:1", "localhost/b:2"])
        );
        let layer = &files[manifest[0]["Layers"][0].as_str().unwrap()];
        let config: Value =
            serde_json::from_slice(&files[manifest[0]["Config"].as_str().unwrap()]).unwrap();
        assert_eq!(
            config["rootfs"]["diff_ids"],
            json!([format!("sha256:{}", digest(layer))])
        );
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"], json!([]));
    }

    #[test]
    fn the_layer_keeps_modes_and_links() {
        let files = archive();
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        let mut layer = tar::Archive::new(&files[manifest[0]["Layers"][0].as_str().unwrap()][..]);
        let seen: Vec<_> = layer
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let target = entry
                    .link_name()
                    .unwrap()
                    .map(|target| target.display().to_string());
                (
                    entry.path().unwrap().display().to_string(),
                    entry.header().mode().unwrap(),
                    target,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("bin/".into(), 0o755, None),
                ("bin/sh".into(), 0o755, None),
                ("bin/ls".into(), 0o777, Some("sh".into()))
            ]
        );
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        assert_eq!(archive(), archive());
    }

    #[test]
    fn the_directory_is_made_if_there_is_none_yet() {
        let cache = tempfile::tempdir().unwrap();
        let out = cache.path().join("image").join("image.tar");
        image().write(&out).unwrap();
        assert!(out.is_file());
    }

    #[test]
    fn a_missing_file_is_named_and_leaves_no_archive() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("image.tar");
        let absent = Entry::File {
            path: "x".into(),
            mode: 0o755,
            content: Content::HostFile("/nonexistent/program".into()),
        };
        let error = Image {
            entries: vec![absent],
            ..image()
        }
        .write(&out)
        .unwrap_err();
        assert!(
            format!("{error:#}").contains("/nonexistent/program"),
            "{error:#}"
        );
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
