//! The store, on `SQLite` and on a real `PostgreSQL`: every test runs on both.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

#[path = "../common/harness.rs"]
mod harness;
#[path = "../common/postgres.rs"]
mod postgres;

mod accounts;
mod ahead;
mod beside;
mod concurrency;
mod deleting;
mod durability;
mod endings;
mod feed;
mod idle;
mod keys;
mod logins;
mod meetings;
mod placements;
mod replica;
mod restart;
mod site;
mod things;
mod waiting;
mod withdrawn;
mod zones;

use harness::{Harness, tests};
use site::Site;

fn tests() -> Vec<(&'static str, harness::Test<Site>)> {
    tests! { Site;
        accounts: an_account_is_found_by_id_and_name, a_name_is_taken_once,
            who_changes_what_was_changed_meanwhile_is_told, a_new_password_ends_sessions,
            what_was_taken_away_meanwhile_opens_nothing_more,
            the_last_administrator_stays, an_account_goes_with_what_is_its_own, accounts_are_listed_in_pieces;
        logins: a_secret_opens_its_account_until_it_expires,
            a_disabled_account_loses_what_opened_it,
            a_disabled_replica_opens_nothing_until_it_is_enabled, all_of_one_account_end_at_once,
            the_last_use_is_known_to_five_minutes, each_account_ends_its_own,
            the_oldest_session_makes_room, what_has_expired_is_tidied_up;
        meetings: a_meeting_is_kept_whole, a_personal_meeting_goes_by_its_owners_name,
            an_account_has_one_personal_meeting, a_passcode_is_the_meetings_own,
            a_meeting_is_in_the_calendars_of_its_people, who_was_faster_wins,
            a_host_was_there_to_a_minute, a_piece_of_a_calendar_has_so_many_bytes;
        ahead: who_is_expected_is_told_with_what_changed, a_replica_knows_who_is_expected;
        waiting: a_host_lets_one_in_and_another_not, who_does_not_ask_again_is_forgotten,
            a_waiting_room_has_so_many_places, no_household_keeps_a_room_full;
        placements: a_meeting_begins_where_the_first_of_it_was_sent,
            what_is_given_up_is_given_up_once, who_comes_at_once_is_sent_to_one_zone,
            a_placement_is_forgotten;
        endings: an_end_is_told_for_a_day, one_that_is_deleted_has_ended_then,
            a_replica_that_was_away_for_long_tells_it_when_it_is_back;
        zones: a_zone_is_registered_and_changed, a_zone_comes_back,
            reports_outlive_a_restart, so_many_controllers_are_listened_to,
            the_database_has_a_clock;
        keys: many_processes_make_one_key, keys_change_over_months;
        feed: what_changed_is_told_in_order, nothing_is_left_out_while_others_write,
            what_is_long_gone_is_forgotten, what_goes_together_is_told_one_by_one,
            a_page_has_so_many_bytes;
        replica: a_replica_becomes_the_same, a_replica_begins_anew,
            names_and_personal_meetings_change_hands, replicas_publish_keys_of_their_own,
            a_replica_that_is_disabled_has_no_keys,
            every_process_of_a_replica_knows_its_passcodes, a_replica_has_keys_of_its_own,
            a_database_knows_its_own_moments,
            what_was_good_when_a_replica_last_heard_of_its_directory_stays_so;
        withdrawn: what_an_older_version_left_behind_is_withdrawn;
        idle: an_instant_meeting_that_nobody_uses_goes, a_use_is_known_to_a_day,
            who_is_let_in_uses_it, what_nobody_used_has_ended_when_it_goes,
            a_meeting_that_somebody_waits_for_stays,
            nothing_goes_before_uses_have_been_noted_for_long, many_go_in_pieces;
        deleting: what_was_changed_meanwhile_is_not_deleted;
        concurrency: every_write_is_there_and_conflicts_are_told,
            two_programs_begin_a_database_at_once,
            a_key_that_another_program_has_just_made_is_met_by_its_revision_too;
        beside: what_a_newer_program_added_is_in_nobodys_way,
            what_a_newer_program_made_another_is_refused;
    }
}

fn main() {
    let mut harness = Harness::new();
    harness.on_both(tests(), Site::sqlite, Site::postgres);
    durability::on_sqlite(&mut harness);
    restart::on_postgres(&mut harness);
    beside::on_postgres(&mut harness);
    harness.run();
}
