# SPDX-License-Identifier: GPL-2.0-or-later
"""Two levels start under KVM inside the lab, each its own machine."""
from bhlab import product

FEATURES = ["S7", "S19"]
SNAPSHOT = "ready"
PROVIDES = "levels"


def test(host):
    product.office(host)
    product.apply_spec(host, product.spec_files())
    host.run("bulkhead start low high", product.START_SECONDS)
    assert product.states(host) == {"low": "running", "high": "running"}, product.states(host)
    assert all(product.domain_is_kvm(host, level) for level in ("low", "high"))
    ids = {product.in_level(host, level, "cat /proc/sys/kernel/random/boot_id").out for level in ("low", "high")}
    assert len(ids) == 2, ids
    # The snapshot must not hold them running: QEMU cannot load the state of a nested guest again.
    host.run("bulkhead stop --all", 180)
