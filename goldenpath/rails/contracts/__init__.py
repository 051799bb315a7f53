"""What a contract is made of: its plain data, frames, golden rows, differences."""
