"""How people hear of alerts: routing.py decides, outbox.py keeps, sending.py sends."""
