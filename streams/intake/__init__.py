"""Raw bytes to released columns: decode, judge validity, merge the four topics."""
