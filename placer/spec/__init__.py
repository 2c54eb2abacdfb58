"""What the user wrote, validated: model, cluster, run, accelerators."""
