"""Raw bytes to released columns: decode, check validity, merge the four topics."""
