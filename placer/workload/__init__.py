"""What a layer, stage or model costs in FLOPs, bytes and parameters; knows no hardware."""
