from goldenpath.rails.cli import main

main()
