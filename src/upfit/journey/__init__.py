"""What `upfit fit` goes through, from the data to a finished run, and what is done with one."""
