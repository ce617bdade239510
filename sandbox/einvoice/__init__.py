"""E-invoice platform simulator 财政电子票据平台模拟器: issues, turns red, answers, keeps its book in a file."""
