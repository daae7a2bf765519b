# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: nested hosts that carry the whole product, their faults, and the tests that run on them."""
