"""Sources and imports of products in the console: their lists, forms, previews and undo."""
