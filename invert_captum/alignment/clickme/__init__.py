"""Reading and writing ClickMe: pictures with maps of where people look."""
