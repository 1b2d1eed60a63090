"""The main balance."""
