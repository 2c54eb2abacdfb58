"""Pictures as SVG without a library: elements, scales, one file per kind of figure."""
