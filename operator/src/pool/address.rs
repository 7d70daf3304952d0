//! How clients come to know where a router is.
//!
//! A pod is told the internal address of its node by its kubelet, and nothing else of its node;
//! and no router may ask the API server. So where a pool announces another address, the operator
//! writes it on the router's pod, whose kubelet writes it into a file that the router reads. A
//! variable of the environment would be what was there when the container began, for ever.

use k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, DownwardAPIVolumeSource, ObjectFieldSelector, Volume, VolumeMount,
};
use plenum_crds::AddressSource;
use plenum_crds::labels::PUBLIC_ADDRESS;

use super::observed::Reached;
use super::outline::NodeOutline;

/// The volume with that file, and where it is mounted.
const VOLUME: &str = "address";
const DIRECTORY: &str = "/etc/plenum/address";
const FILE: &str = "public-address";

/// What a router's command line says of its address.
pub(super) fn flag(source: AddressSource) -> (&'static str, String) {
    if is_written(source) {
        ("--address-file", format!("{DIRECTORY}/{FILE}"))
    } else {
        ("--address", "$(HOST_IP)".to_owned())
    }
}

/// The volume that brings what is written on the pod.
pub(super) fn volume(source: AddressSource) -> Option<Volume> {
    let file = DownwardAPIVolumeFile {
        path: FILE.to_owned(),
        field_ref: Some(ObjectFieldSelector {
            field_path: format!("metadata.annotations['{PUBLIC_ADDRESS}']"),
            ..ObjectFieldSelector::default()
        }),
        ..DownwardAPIVolumeFile::default()
    };
    is_written(source).then(|| Volume {
        name: VOLUME.to_owned(),
        downward_api: Some(DownwardAPIVolumeSource {
            items: Some(vec![file]),
            ..DownwardAPIVolumeSource::default()
        }),
        ..Volume::default()
    })
}

/// Where the router finds it.
pub(super) fn mount(source: AddressSource) -> Option<VolumeMount> {
    is_written(source).then(|| VolumeMount {
        name: VOLUME.to_owned(),
        mount_path: DIRECTORY.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    })
}

fn is_written(source: AddressSource) -> bool {
    source != AddressSource::NodeInternalIp
}

/// How clients reach a router on this node.
pub(super) fn reached(source: AddressSource, node: &NodeOutline) -> Reached {
    let found = match source {
        AddressSource::NodeInternalIp => return Reached::ByItself,
        AddressSource::NodeExternalIp => node.external_address(),
        AddressSource::Annotation => node.annotated_address(),
    };
    match found.clone() {
        Ok(addresses) => Reached::At(addresses),
        Err(why) => Reached::Nowhere(why),
    }
}
