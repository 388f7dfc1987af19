"""Aff-Wild2 as the ABAW competitions hand it out (the third: CVPR 2022): annotations per frame.

    EXPR_Classification_Challenge/{Train_Set,Validation_Set}/VIDEO.txt
    VA_Estimation_Challenge/..., AU_Detection_Challenge/...
    MTL_Challenge/{train_set,validation_set}.txt
    ..._test_set_release.txt
    cropped_aligned/VIDEO/00001.jpg

A file's first line names its columns; the line after it is about frame 1 of VIDEO, so that rows
and pictures meet by number. A film with two annotated people is VIDEO, VIDEO_left or VIDEO_right.

Belongs here: where the files are, what they say, files to hand in. Does not belong here: which
annotations a challenge can use (`frame_affect/`), other data sets (`readers/`).

Rules of the competition, by task:

- EXPR: one class number a row, -1 where the frame counts for nothing.
- VA: valence and arousal in [-1, 1]; a frame with -5 in either counts for nothing.
- AU: twelve of 0, 1 or -1 a row; -1 leaves out that unit of that frame, not the others.
- MTL: ``VIDEO/00001.jpg,valence,arousal,expression,AU1,…``; each of the three by its own rule, so
  a row may be annotated in part.

A row with NaN or infinity counts for nothing and is counted; a value off its scale is an error.
"""
