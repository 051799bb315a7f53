"""The keys of contrast.json, in their order."""

CONTRAST_KEYS = [
    "model",
    "version",
    "synthetic",
    "rows",
    "train_then_predict_s",
    "load_then_predict_s",
    "first_request_s",
    "sklearn_one_s",
    "fast_one_s",
    "http_s",
    "http_floor_s",
    "http_bare_s",
    "batch_records_per_s",
    "machine",
    "notes",
    "growth",
]
