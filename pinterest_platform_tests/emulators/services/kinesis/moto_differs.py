"""Differences of moto, the second server of the contract tests, from the service, by test."""

DIFFERS = {
    "test_records_are_routed_by_md5_or_by_an_explicit_hash_key": "fails with 500 for the largest hash key",
    "test_sequence_numbers_have_the_services_form": "numbers records 1, 2, 3",
    "test_every_kind_of_iterator_begins_at_its_position": "accepts contradictory iterators",
    "test_an_answer_holds_at_most_ten_mebibytes": "does not limit a response's bytes",
    "test_a_request_that_is_too_large_is_rejected_as_a_whole": "does not limit a request's bytes",
    "test_wrong_parameters_are_named": "checks few parameters, under other names",
    "test_a_sequence_number_of_another_shard_is_rejected": "does not relate sequence numbers to shards",
    "test_a_forged_iterator_is_rejected": "raises another exception",
    "test_an_altered_iterator_is_rejected": "does not seal iterators",
    "test_too_high_a_limit_is_rejected": "does not limit Limit",
    "test_invalid_requests_get_an_error_body": "responds with an HTML page",
    "test_a_whole_stream_is_read_in_small_pages": "orders records of equal time randomly",
    "test_a_split_closes_the_parent_and_numbers_its_children_above_it": "reshards immediately",
    "test_a_closed_shard_ends_without_iterator_and_names_its_children": "never ends a parent's iterator",
    "test_a_merge_has_two_parents": "merges into one of the parents",
    "test_a_split_point_must_be_inside_the_range": "accepts any split point",
    "test_scaling_ends_in_even_shards": "scales into uneven shards",
    "test_scaling_is_at_most_double_and_at_least_half": "scales without limit",
    "test_shards_are_listed_in_pages_and_by_filter": "rejects a page token without the first page's parameters",
    "test_children_are_found_from_the_answers": "never names children",
    "test_a_new_stream_is_creating_then_active_with_even_shards": "creates immediately",
    "test_streams_are_listed_in_pages": "gives no NextToken",
    "test_a_recreated_stream_is_empty": "gives a new stream the old one's sequence numbers",
    "test_there_are_no_controls_by_default": "treats the path as another service's",
    "test_tags_are_added_replaced_listed_in_pages_and_removed": "does not page tags",
}

RACES = {
    "test_eight_writers_lose_and_duplicate_nothing_and_keep_their_order": "loses records of concurrent writers",
    "test_resharding_under_load_loses_and_duplicates_nothing": "continues to put to the parents",
}
"""Tests that fail sporadically, and are therefore not run."""
