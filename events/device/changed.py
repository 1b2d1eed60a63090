"""A new phone in use: settings, insurance, trade-in."""

from events.words import X
from streams.define import Event, Field, cool, device, hours


class Changed(Event, by="line", number=152):
    phone = X.where(X.change_type == "device", X.old_tac.known()).changes(X.new_tac, old=X.old_tac, remember=False)
    when = phone
    rearm = cool(hours(24))

    from_model: Field[str | None] = device.model(X.old_tac)
    to_model: Field[str | None] = device.model(X.new_tac)
    brand_changed: Field[bool] = device.brand(X.old_tac) != device.brand(X.new_tac)
    is_5g: Field[bool] = device.is_5g(X.new_tac)
