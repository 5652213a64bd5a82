"""The dance in a browser: one page that needs no network, and the same page served for a folder of takes."""
