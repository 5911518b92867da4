"""Where moto, the second server of the contract tests, departs from the service: by test, what it does instead."""

DIFFERS = {
    "test_records_are_routed_by_md5_or_by_an_explicit_hash_key": "fails with 500 for the largest hash key",
    "test_sequence_numbers_look_like_the_services": "numbers records 1, 2, 3",
    "test_every_kind_of_iterator_begins_where_it_says": "takes iterators that contradict themselves",
    "test_an_answer_holds_at_most_ten_mebibytes": "does not limit an answer's bytes",
    "test_a_request_that_is_too_large_is_refused_whole": "does not limit a request's bytes",
    "test_wrong_parameters_are_named": "checks few parameters, under other names",
    "test_a_sequence_number_of_another_shard_is_refused": "does not know whose a sequence number is",
    "test_an_iterator_that_nobody_gave_is_refused": "names another exception",
    "test_an_altered_iterator_is_refused": "does not seal iterators",
    "test_too_high_a_limit_is_refused": "does not limit Limit",
    "test_requests_that_no_client_would_send_get_an_error_body": "answers them with a page of HTML",
    "test_a_whole_stream_is_read_by_small_pages": "orders records of equal time by chance",
    "test_a_split_closes_the_parent_and_numbers_its_children_above_it": "reshards at once",
    "test_a_closed_shard_ends_in_no_iterator_and_names_its_children": "never ends a parent's iterator",
    "test_a_merge_has_two_parents": "merges into one of the parents",
    "test_a_split_point_has_to_lie_inside": "takes any split point",
    "test_scaling_ends_in_even_shards": "scales into uneven shards",
    "test_scaling_is_at_most_double_and_at_least_half": "scales without limit",
    "test_shards_are_listed_in_pages_and_by_filter": "refuses a page token without the first page's parameters",
    "test_children_are_found_by_following_the_answers": "never names children",
    "test_a_new_stream_is_creating_then_active_with_even_shards": "creates at once",
    "test_streams_are_listed_in_pages": "gives no NextToken",
    "test_a_deleted_stream_made_anew_is_fresh": "gives a new stream the old one's sequence numbers",
    "test_there_are_no_controls_unless_asked_for": "takes the path for another service's",
    "test_tags_are_added_replaced_listed_in_pages_and_removed": "does not page tags",
}

RACES = {
    "test_eight_writers_lose_and_double_nothing_and_keep_their_order": "loses records of concurrent writers",
    "test_resharding_under_load_loses_and_doubles_nothing": "goes on putting to the parents",
}
"""What goes wrong now and then, and so is not run."""
