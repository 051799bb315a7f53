"""The contract of a model's records: fields, targets, frames, golden records, differences."""
