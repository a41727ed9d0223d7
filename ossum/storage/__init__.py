"""Files: result tables in Parquet, tensors in safetensors, whole or absent."""
