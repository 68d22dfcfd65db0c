"""API keys: who may use the models and who may manage the server. The ground both apps stand on."""
