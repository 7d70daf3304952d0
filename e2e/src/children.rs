//! Processes that end with this program, even when it is killed.
//!
//! The kernel ends them when the *thread* that started them ends (prctl(2), `PR_SET_PDEATHSIG`), and an async runtime
//! ends threads at will. So all are started on one thread, which lasts as long as the program.

use std::ffi::OsStr;
use std::io;
use std::process::Stdio;
use std::sync::{LazyLock, mpsc};
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;

/// Put before a program: it gets SIGKILL when the thread that started it ends. A call from our own child, between fork
/// and exec, would take unsafe code.
pub(crate) const ENDS_WITH_US: [&str; 3] = ["setpriv", "--pdeathsig", "KILL"];

type Task = Box<dyn FnOnce() + Send>;

static LASTING_THREAD: LazyLock<mpsc::Sender<Task>> = LazyLock::new(|| {
    let (sender, tasks) = mpsc::channel::<Task>();
    thread::spawn(move || tasks.into_iter().for_each(|task| task()));
    sender
});

/// Starts a process on the thread that lasts.
pub(crate) fn on_lasting_thread<T: Send + 'static>(
    start: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (answer, answered) = mpsc::channel();
    let task = Box::new(move || {
        // We wait for it below.
        let _ = answer.send(start());
    });
    LASTING_THREAD
        .send(task)
        .expect("the thread lasts as long as the program");
    answered.recv().expect("a task answers")
}

/// `program`, which will end with us or with its handle, reads nothing, and does not see our Ctrl-C.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let [setpriv, flags @ ..] = ENDS_WITH_US;
    let mut command = Command::new(setpriv);
    command
        .args(flags)
        .arg(program)
        .stdin(Stdio::null())
        // A group of its own: whoever stops us by Ctrl-C leaves the order of ending to us.
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Starts a [`command`]. Needs an async runtime.
pub(crate) fn start(mut command: Command) -> io::Result<Child> {
    let runtime = Handle::current();
    on_lasting_thread(move || {
        let _guard = runtime.enter();
        command.spawn()
    })
}

/// Asks a process of ours to end now, as Ctrl-C does.
pub(crate) fn terminate(child: &Child) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        // It may have ended already.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_outlives_the_thread_that_asked_for_it() {
        let runtime = Handle::current();
        let asked = thread::spawn(move || {
            let _guard = runtime.enter();
            let mut cat = command("cat");
            cat.stdin(Stdio::piped());
            start(cat).unwrap()
        });
        let mut cat = asked.join().unwrap();
        drop(cat.stdin.take());
        // By its own end of input, not by a signal.
        assert!(cat.wait().await.unwrap().success());
    }

    #[tokio::test]
    async fn a_child_is_told_to_die_with_us() {
        let mut shell = command("setpriv");
        shell.arg("--dump").stdout(Stdio::piped());
        let output = start(shell).unwrap().wait_with_output().await.unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains("Parent death signal: KILL"), "{told}");
    }
}
