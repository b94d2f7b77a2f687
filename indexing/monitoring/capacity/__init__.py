"""What a catalogue of a given size needs: memory, disk, servers, hours and money.

`measuring_catalogues` measures catalogues on this installation, and `calibration` keeps the
figures. `planning` computes a plan from them, by the laws of `growth`, with `fan_out` for searches
over several shards. `report` shows it. `manage.py plan_capacity` is the entrance."""
