"""From weights in Hugging Face's format to a model in OpenVINO's: checks, recipes, the tools, the jobs."""
