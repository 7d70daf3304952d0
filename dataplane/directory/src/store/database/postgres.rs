//! `PostgreSQL`, on the network.

use std::net::IpAddr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Error as SqlxError};

use super::super::{Config, Error, migrations};
use super::Pools;
use super::answers::Outdated;

/// A connection that was idle for so long is asked before it is used: the server may have
/// been started anew. One that was used just now is not, which saves a round trip.
const IDLE: Duration = Duration::from_secs(1);
/// How long a connection that comes back may take to answer. One to a machine that is no
/// more would be waited for until TCP gives up, with its place in the pool.
const ALIVE: Duration = Duration::from_secs(2);

/// What every session begins with. The server ends what the caller no longer waits for; a
/// commit is on disk when it is answered, whatever the server's default.
fn session(config: &Config) -> String {
    let answer = config.answer.as_millis();
    format!(
        "SET statement_timeout = {answer};
         SET idle_in_transaction_session_timeout = {answer};
         SELECT set_config('synchronous_commit', 'on', false)
         WHERE current_setting('synchronous_commit') = 'off'"
    )
}

/// Whether somebody on the way to the server could read what is said, or answer in its place.
/// There is no way to a server on the same machine. A URL that is none leads nowhere.
pub(super) fn is_exposed(url: &str) -> bool {
    let Ok(options) = url.parse::<PgConnectOptions>() else {
        return false;
    };
    let host = options.get_host().trim_matches(['[', ']']);
    let is_loopback = |address: IpAddr| address.is_loopback();
    let here = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse().is_ok_and(is_loopback);
    // All others take the certificate of anybody, verify-ca that of anybody of the same authority.
    !here && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull)
}

pub(super) async fn open(config: &Config, outdated: Outdated) -> Result<Pools, Error> {
    let options: PgConnectOptions = config.url.parse().map_err(Error::corrupt)?;
    let options = options
        .application_name("plenum directory")
        .disable_statement_logging();
    migrate(&options, config.patience).await?;
    let session = session(config);
    let pool = PgPoolOptions::new()
        .max_connections(config.connections)
        .acquire_timeout(config.patience)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let session = sqlx::raw_sql(AssertSqlSafe(session.clone()));
            Box::pin(async move { session.execute(connection).await.map(drop) })
        })
        .before_acquire(move |connection, known| {
            let is_good = !outdated.is(known.age);
            Box::pin(async move {
                if !is_good {
                    return Ok(false);
                }
                if known.idle_for > IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                let answer = tokio::time::timeout(ALIVE, connection.ping()).await;
                answer.map_err(|_| SqlxError::PoolTimedOut)??;
                Ok(true)
            })
        })
        .connect_with(options)
        .await?;
    Ok(Pools::Postgres(pool))
}

/// On a connection of its own, without the limits of the others: a change of a large table
/// takes its time, and whoever comes second waits for the first.
async fn migrate(options: &PgConnectOptions, patience: Duration) -> Result<(), Error> {
    let mut connection = tokio::time::timeout(patience, PgConnection::connect_with(options))
        .await
        .map_err(|_| Error::Unavailable("no connection in time".to_owned()))??;
    migrations::run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_is_vouched_for_by_name_is_safe_on_a_network() {
        for (url, exposed) in [
            ("postgres://u:p@db.example.org/d", true),
            ("postgres://u:p@db.example.org/d?sslmode=prefer", true),
            ("postgres://u:p@db.example.org/d?sslmode=require", true),
            ("postgres://u:p@db.example.org/d?sslmode=verify-ca", true),
            ("postgres://u:p@db.example.org/d?sslmode=verify-full", false),
            ("postgres://u:p@10.0.0.7/d", true),
            // What stays on this machine.
            ("postgres://u@localhost/d", false),
            ("postgres://u@127.0.0.1:5433/d", false),
            ("postgres://u@[::1]/d", false),
            ("postgres://u@%2Frun%2Fpostgresql/d", false),
            ("postgres:///d?host=/run/postgresql", false),
        ] {
            assert_eq!(is_exposed(url), exposed, "{url}");
        }
    }
}
