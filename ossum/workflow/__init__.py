"""All that knows Snakemake: jobs, paths, provenance, resources. Science never imports it."""
