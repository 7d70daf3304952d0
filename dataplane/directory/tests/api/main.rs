//! The directory's API over HTTPS, on `SQLite` and on a real `PostgreSQL`: every test runs on
//! both.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

#[path = "../common/harness.rs"]
mod harness;
#[path = "../common/postgres.rs"]
mod postgres;

mod accounts;
mod bad_requests;
mod beginnings;
mod clocks;
mod database_away;
mod documents;
mod endings;
mod expected;
mod geography;
mod guessing;
mod house;
mod http;
mod lookups;
mod meetings;
mod replicas;
mod restart;
mod signing_in;
mod tokens;
mod under_load;
mod unused;
mod waiting_room;
mod zones;

use harness::{Harness, run, tests};
use house::Place;

fn tests() -> Vec<(&'static str, harness::Test<Place>)> {
    tests! { Place;
        lookups: who_knows_the_number_gets_a_token_and_zones, a_passcode_is_asked_for,
            people_write_numbers_with_dashes, a_host_is_told_apart, sign_in_where_it_is_wanted,
            nobody_begins_before_the_host, a_meeting_has_its_time, an_ended_meeting_is_over,
            a_personal_meeting_goes_by_its_owners_name, without_zones_it_says_why;
        waiting_room: a_host_lets_one_in_and_refuses_another,
            a_proof_of_another_meeting_opens_nothing;
        guessing: passcodes_cannot_be_tried_for_long,
            all_addresses_together_have_so_many_guesses, meetings_cannot_be_enumerated,
            passwords_cannot_be_tried_for_long, parallel_passwords_are_no_more,
            parallel_guesses_are_no_more, an_office_signs_in_at_once,
            accounts_cannot_be_enumerated;
        signing_in: a_session_begins_and_ends, a_wrong_password_and_no_account_look_alike,
            a_new_password_ends_sessions, api_tokens_are_made_and_revoked,
            what_was_never_issued_opens_nothing, an_administrator_takes_away_what_a_thief_has;
        accounts: an_administrator_looks_after_accounts, others_may_not,
            two_changes_of_the_same_conflict, of_two_changes_at_once_one_fails_its_condition,
            lists_come_in_pages, nobody_takes_their_own_rights_away;
        meetings: a_meeting_is_made_changed_and_deleted, a_series_tells_its_times,
            what_is_no_meeting_is_refused, others_see_nothing_of_it,
            people_are_named_as_they_are_known, who_is_invited_does_not_see_who_else_is,
            who_is_not_there_is_not_invited;
        unused: an_instant_meeting_that_nobody_uses_goes,
            one_that_somebody_has_just_come_to_stays, it_may_be_kept_for_ever,
            what_people_of_a_zone_that_is_cut_off_use_stays, a_replica_deletes_no_meeting_by_itself;
        zones: a_zone_is_registered_and_reports, only_its_credential_reports,
            wrong_reports_are_refused, so_many_controllers_speak_for_a_zone, a_large_zone_reports,
            a_zone_that_is_off_is_not_offered, the_zone_of_a_running_meeting_comes_first,
            who_comes_to_a_running_meeting_is_sent_there_though_nothing_new_begins,
            a_network_given_by_hand_counts, what_is_deleted_is_what_was_seen,
            a_zone_that_is_removed_reports_no_more;
        endings: every_zone_is_told_of_it_and_since_when, a_replica_tells_of_what_it_hears;
        beginnings: the_zone_that_is_named_first_is_where_all_go, who_names_no_zone_decides_nothing,
            who_comes_at_once_comes_together, whichever_process_is_asked,
            who_waited_for_the_host_follows_the_host,
            it_begins_elsewhere_when_that_zone_takes_no_more,
            what_runs_decides_over_what_was_named,
            newcomers_go_to_the_larger_part_of_a_meeting_in_two_zones,
            only_who_is_let_in_names_a_zone_and_one_that_is_offered, one_zone_is_no_question;
        expected: a_zone_is_told_who_is_about_to_come, who_is_expected_may_be_changed;
        tokens: a_zone_verifies_with_the_published_keys, nothing_else_verifies,
            the_next_key_is_known_before_it_signs;
        geography: the_nearest_zone_comes_first_and_a_new_file_counts,
            a_proxy_is_believed_only_if_it_is_ours;
        documents: the_openapi_document_describes_every_path, docs_come_from_nowhere_else;
        bad_requests: what_is_not_there_is_said, what_cannot_be_read_is_said,
            what_is_too_large_is_not_read, a_request_has_a_name, too_many_requests_are_refused;
        replicas: only_a_replica_reads_the_feed, a_replica_answers_and_changes_nothing,
            a_zone_that_never_speaks_to_a_replica_is_not_away_there,
            who_begins_a_meeting_at_a_replica_names_the_zone_there,
            a_replica_says_nothing_before_it_knows, a_replicas_keys_are_published,
            keys_go_with_the_replica_that_is_disabled,
            keys_go_with_the_replica_that_is_removed,
            a_key_of_the_passcodes_that_another_process_took_is_used,
            a_directory_that_was_set_back_tells_everything;
        restart: lookups_go_on_through_a_restart;
    }
}

fn main() {
    let mut harness = Harness::new();
    harness.on_both(tests(), Place::sqlite, Place::url);
    harness.with_own_server("under_load::nothing_is_lost", |programs| {
        run(under_load::nothing_that_was_acknowledged_is_lost(programs));
    });
    harness.with_own_server("database_away::it_comes_back", |programs| {
        run(database_away::errors_while_it_is_away_and_all_well_after(
            programs,
        ));
    });
    harness.with_own_server("clocks::a_process_an_hour_off", |programs| {
        run(clocks::a_process_an_hour_off_goes_by_the_databases_clock(
            programs,
        ));
    });
    harness.run();
}
