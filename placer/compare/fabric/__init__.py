"""What a layout is built of: switches, links, optical modules, and what they draw and cost."""
