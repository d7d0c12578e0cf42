"""What a release holds differs by task; one file per task says how, behind one contract."""
