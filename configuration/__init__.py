"""The files a user may edit: devices and models, the gateway, servers, and what tuning found."""
