"""What operators watch. Others use `freshness` (`index_status`) and `metrics.metrics_text`."""
