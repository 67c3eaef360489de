# SPDX-License-Identifier: Apache-2.0
"""A host whose network never rests, to find out whether probes keep up with it."""
