"""The page and the metrics on supervisord's web server."""
