"""What README says of speed and memory is measured here."""
