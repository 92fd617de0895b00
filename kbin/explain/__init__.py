"""Pictures that the page shows, made while images and models are at hand."""
