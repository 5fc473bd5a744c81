"""What plans cost: estimates of options, programs of what must happen, and the judge that replays them."""
