"""`manage.py plan_capacity`: what a catalogue of a given size needs."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from indexing.monitoring.capacity.assumptions import Assumptions, Prices, UnknownName, with_values
from indexing.monitoring.capacity.calibration import NotCalibrated, read_calibration
from indexing.monitoring.capacity.measuring_catalogues import (
    MIN_PRODUCTS,
    calibrate,
    measure_catalogue,
)
from indexing.monitoring.capacity.planning import CannotPlan, Demand, make_plan
from indexing.monitoring.capacity.report import as_data, as_table, compare
from indexing.monitoring.capacity.stores import known_stores


class Command(BaseCommand):
    help = (
        "Plans memory, disk, servers, hours and cost of a catalogue, from figures that"
        " --calibrate measures on this installation and from stated assumptions."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--products", type=int, help="products of the catalogue")
        parser.add_argument("--images-per-product", type=float, default=1.5)
        parser.add_argument(
            "--updates-per-day", type=float, default=5, help="refreshes of the index"
        )
        parser.add_argument(
            "--changed", type=float, default=0.02, help="share of products in each of them"
        )
        parser.add_argument("--qps", type=float, default=10, help="searches a second, at the peak")
        parser.add_argument(
            "--assume",
            action="append",
            default=[],
            metavar="NAME=NUMBER",
            help="replaces an assumption; a plan lists them",
        )
        parser.add_argument(
            "--price",
            action="append",
            default=[],
            metavar="NAME=NUMBER",
            help="server_month, gpu_hour, disk_gb_month, network_gb; in any currency",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument(
            "--calibrate",
            type=int,
            metavar="N",
            help="first measure synthetic catalogues of N/5 and N products, in databases of their"
            " own; takes minutes",
        )
        parser.add_argument(
            "--check",
            type=int,
            metavar="N",
            help="measure a catalogue of N products and compare it with the prediction",
        )
        parser.add_argument("--searches", type=int, default=200, help="searches to measure with")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["products"] or options["calibrate"] or options["check"]):
            raise CommandError("Give --products N, --calibrate N or --check N.")
        try:
            if options["calibrate"]:
                self._calibrate(options["calibrate"], options["searches"])
            if options["check"]:
                measured = measure_catalogue(options["check"], options["searches"])
                self.stdout.write(compare(read_calibration(), measured))
            if options["products"]:
                self._plan(options)
        except (NotCalibrated, UnknownName, CannotPlan) as error:
            raise CommandError(str(error)) from error

    def _calibrate(self, products: int, searches: int) -> None:
        if products < MIN_PRODUCTS:
            raise CommandError(f"Calibrate with at least {MIN_PRODUCTS:,} products.")
        calibrate(products, searches).save()

    def _plan(self, options: dict[str, Any]) -> None:
        demand = Demand(
            options["products"],
            options["images_per_product"],
            options["updates_per_day"],
            options["changed"],
            options["qps"],
        )
        if min(demand.products, demand.images, demand.refreshes_a_day, demand.searches_per_s) <= 0:
            raise CommandError("Numbers of products, images, updates and searches are above 0.")
        if not 0 <= demand.changed <= 1:
            raise CommandError("--changed is a share from 0 to 1.")
        assumed = with_values(Assumptions(), options["assume"])
        prices = with_values(Prices(), options["price"])
        calibration = read_calibration()
        plans = [make_plan(calibration, demand, store, assumed, prices) for store in known_stores()]
        about = (calibration, demand, plans, assumed, prices)
        self.stdout.write(
            json.dumps(as_data(*about), indent=1) if options["json"] else as_table(*about)
        )
