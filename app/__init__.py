"""The Qt window and the console mode. Imports core; core never imports it."""
