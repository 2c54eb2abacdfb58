"""MaxText: what it forbids, and the split of its mesh over fast and slow network."""
