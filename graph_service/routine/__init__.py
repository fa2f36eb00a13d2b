"""What is done by the clock: schedules, jobs, the drop folder, and the lists made of a run."""
