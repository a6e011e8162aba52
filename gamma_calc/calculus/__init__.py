"""Reading a program in exponents: the cited rules, the interpreter that records each application, the recursion."""
