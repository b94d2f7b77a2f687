"""A small catalogue to try Vitrina with. Others use `catalog.demo.load`."""
