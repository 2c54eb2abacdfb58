"""Many layouts from one template: which are there, what was solved, what stands out."""
