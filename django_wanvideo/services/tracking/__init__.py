"""What EvoLink says about accepted tasks, asked for or called back."""
