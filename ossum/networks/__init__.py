"""Networks: how they are drawn, passed through and evaluated."""
