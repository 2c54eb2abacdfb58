"""What starts a job so that each rank lands on the accelerator the plan gave it."""
