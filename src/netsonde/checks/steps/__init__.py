# SPDX-License-Identifier: Apache-2.0
"""Steps of checks, one file each; `_registry` lists them."""
