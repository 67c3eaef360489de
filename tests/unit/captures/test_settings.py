# SPDX-License-Identifier: Apache-2.0
"""What settings of captures may say."""

import pytest

from netsonde.captures.settings import MOST_THREADS, CaptureSettings


@pytest.mark.parametrize("threads", [-1, MOST_THREADS + 1])
def test_threads_that_no_machine_should_have_are_refused(threads: int) -> None:
    with pytest.raises(ValueError, match=f"threads must be 0 to {MOST_THREADS}, got {threads}"):
        CaptureSettings(threads=threads)
    assert CaptureSettings(threads=MOST_THREADS).threads == MOST_THREADS
