//! The macro that makes tests of the promises. It holds the list of them.

/// Makes a module of tests that put a store through every promise: `conformance!(sqlite, make_rig, keeps: everything)`.
///
/// The second argument makes a [`Rig`](crate::Rig) of the moment at which it begins. The third says what outlives the
/// process: `everything` or `nothing`.
#[macro_export]
macro_rules! conformance {
    ($module:ident, $make:expr, keeps: everything) => {
        mod $module {
            #[allow(unused_imports, reason = "where the rig comes from is up to the caller")]
            use super::*;
            $crate::__promises!(__tests, $make);
            $crate::__promises_across_restarts!(__tests, $make);
        }
    };
    ($module:ident, $make:expr, keeps: nothing) => {
        mod $module {
            #[allow(unused_imports, reason = "where the rig comes from is up to the caller")]
            use super::*;
            $crate::__promises!(__tests, $make);
            $crate::__tests!($make, a_store_that_keeps_nothing_says_so, answers_are_those_of_the_reference);
            $crate::__promises_across_restarts!(__absent, $make);
        }
    };
}

/// Hands the names of the promises that every store makes to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __promises {
    ($then:ident, $make:expr) => {
        $crate::$then!(
            $make,
            a_bucket_admits_its_burst_and_then_its_rate,
            the_wait_is_exact,
            refused_spend_changes_nothing,
            subjects_do_not_touch_each_other,
            zero_means_that_nothing_ever_passes,
            a_jump_forward_refills_at_most_one_burst,
            the_binding_limit_is_the_bucket_with_the_longest_wait,
            an_unknown_limit_admits_nothing,
            a_spend_of_nothing_is_admitted,
            a_clock_that_steps_back_refills_nothing,
            the_latest_charge_sets_the_time_of_all,
            a_clock_that_jumps_ahead_and_back_gives_one_burst,
            repeated_definition_changes_nothing,
            a_changed_limit_does_not_refill,
            there_and_back_again_does_not_refill,
            time_before_a_change_counts_at_the_old_rate,
            the_larger_numbers_count_across_a_change,
            a_change_while_the_clock_is_back_refills_nothing,
            a_changed_quota_keeps_what_was_used,
            a_changed_period_does_not_refill,
            a_changed_period_counts_no_window_that_is_over,
            limits_go_by_name,
            a_bucket_does_not_turn_into_a_quota,
            a_quota_is_used_to_the_last_request,
            a_day_turns_at_midnight,
            a_week_turns_offset_days_after_sunday,
            a_month_turns_offset_days_after_the_first,
            a_count_survives_a_step_back_over_the_edge,
            a_standing_tells_what_was_used_and_what_is_left,
            usage_is_readable_at_once,
            an_extension_counts_once_and_only_in_its_window,
            an_extension_needs_no_request_before_it,
            an_extension_gives_what_it_says,
            a_meter_refuses_what_is_no_quota,
            idle_full_state_is_dropped_without_a_trace,
            state_that_matters_is_not_dropped,
            forgetting_and_stepping_back_refills_nothing,
            many_threads_are_admitted_exactly_the_limit,
            every_window_obeys_the_law,
            every_window_obeys_the_law_across_changes,
        );
    };
}

/// The same for the promises of stores that outlive their process.
#[doc(hidden)]
#[macro_export]
macro_rules! __promises_across_restarts {
    ($then:ident, $make:expr) => {
        $crate::$then!(
            $make,
            a_clean_restart_changes_no_answer,
            a_clean_restart_with_an_earlier_clock_refills_nothing,
            a_restart_remembers_that_something_was_forgotten,
            a_limit_changed_while_the_store_was_down_does_not_refill,
            after_a_crash_every_bucket_is_empty_at_alive_until,
            nothing_is_admitted_past_alive_until,
            an_unready_spend_changes_nothing,
            allowance_is_set_aside_before_it_is_needed,
            a_crash_never_hands_out_more_than_the_quota,
            a_quota_that_was_lowered_before_a_crash_is_not_handed_out_again,
            a_crash_before_anything_is_settled_hands_out_nothing_twice,
            a_crash_costs_later_windows_nothing,
            a_crash_at_the_edge_of_a_window_hands_out_neither_twice,
            an_extension_survives_any_stop,
            usage_per_day_adds_up,
            usage_before_midnight_is_counted_after_it,
            usage_outlives_the_state_it_came_from,
            usage_survives_any_stop,
            crashes_in_a_row_never_give_anything,
            crashes_in_a_row_cost_no_more_than_the_quota,
            a_crash_leaves_no_more_than_a_batch_in_doubt,
            a_period_changed_while_the_store_was_down_does_not_refill,
            answers_are_those_of_the_reference_across_restarts,
            every_window_obeys_the_law_across_restarts,
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($make:expr, $($promise:ident),+ $(,)?) => {
        $(
            #[test]
            fn $promise() {
                let make = $make;
                $crate::promises::$promise(&|now| ::std::boxed::Box::new(make(now)));
            }
        )+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __absent {
    ($make:expr, $($promise:ident),+ $(,)?) => {
        /// The promises that this store does not make, because it keeps nothing.
        pub const ABSENT: &[&str] = &[$(stringify!($promise)),+];
    };
}
